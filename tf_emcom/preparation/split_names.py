"""Which folders of images are splits, by their names."""

import re
from collections.abc import Collection, Sequence

from tf_emcom.errors import UserError

# How folders of splits are called, in any case, and what the splits are called here.
_SPLIT_OF = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "val", "validation", "dev", "development"), "valid"),
    **dict.fromkeys(("test", "testing"), "test"),
}
# What looks like a split, without being called so: train2017, test_images, Training Set, trainA.
_LIKE = re.compile(
    rf"(?:images?|imgs?)?[-_ .]*({'|'.join(sorted(_SPLIT_OF, key=len, reverse=True))})"
    r"(?:[-_ .]*(?:sets?|split|images?|imgs?|data|full|val|[ab]|\d+))*",
    re.IGNORECASE,
)
# Words that the name of a split has among others, as in seg_train, 1_train, my-test, ILSVRC2012_img_val, query.
_TRAIN = {"train", "training"}
_WORDS = {*_SPLIT_OF, "tests", "eval", "evaluation", "holdout", "heldout", "infer", "inference"} | {
    *("pred", "prediction", "predictions", "query", "gallery"),
}
# What often lies beside splits and is none of the three.
_EXTRA = re.compile(r"(?:un-?label+ed|unsup(?:ervised)?|extra)(?:[-_ ].*)?", re.IGNORECASE)


def splits_of(root: str, paths: Sequence[str]) -> dict[str, str]:
    """Which split each folder directly below a folder is.

    Args:
      root: the folder of all images.
      paths: of images relative to it, their parts separated by slashes.

    Returns:
      folder → "train", "valid" or "test"; empty where the folders are classes, or there are none.

    Raises:
      UserError: some of the folders look like splits, and not all of them are; two are the same split; there is no
        training split; or splits lie below another folder.
    """
    tops = sorted({path.partition("/")[0] for path in paths if "/" in path})
    found = {top: _SPLIT_OF[top.lower()] for top in tops if top.lower() in _SPLIT_OF}
    if tops and len(found) == len(tops):
        return _clear(root, found)
    like = {top: split for top in tops if (split := _look_of(top))}
    extra = [top for top in tops if _EXTRA.fullmatch(top)]
    if "train" in like.values() and (len(set(like.values())) > 1 or extra):
        odd = next(iter(sorted(set(like) - set(found)) + extra + sorted(set(tops) - set(like))))
        raise UserError(
            f"In {root}, {_named(like)} look like splits, but {odd!r} is no split's name; call the splits train, valid"
            " and test, and move other folders out; or, if these are classes, give them other names."
        )
    if _are_all_splits(tops):
        raise UserError(
            f"In {root}, {_named(tops)} look like splits, but are not called so; call them train, valid and test, and"
            " move other folders out; or, if these are classes, give them other names."
        )
    _refuse_deeper(root, paths)
    return {}


def _are_all_splits(names: Sequence[str]) -> bool:
    """Whether each of several names has a word of splits in it, and one is about training."""
    words = {name: {*re.findall("[a-z]+", re.sub("(?<=[a-z])(?=[A-Z])", " ", name).lower())} for name in names}
    is_split = [bool(found & _WORDS) or _EXTRA.fullmatch(name) is not None for name, found in words.items()]
    return len(names) > 1 and all(is_split) and any(found & _TRAIN for found in words.values())


def _clear(root: str, found: dict[str, str]) -> dict[str, str]:
    for split in set(found.values()):
        same = [top for top, its in found.items() if its == split]
        if len(same) > 1:
            raise UserError(
                f"In {root}, {_named(same)} are both the split {split!r}; put them together, or move one out."
            )
    if "train" not in found.values():
        raise UserError(
            f"In {root} there is {_named(found)}, but no split 'train'; add a folder train, or give another name to"
            " what is a class."
        )
    return found


def _refuse_deeper(root: str, paths: Sequence[str]) -> None:
    """Splits below classes, or below one more folder, would be mixed up without a word."""
    below: dict[str, set[str]] = {}
    for path in paths:
        top, *inner = path.split("/")
        if len(inner) > 1:
            below.setdefault(top, set()).add(inner[0])
    for top, names in below.items():
        like = {name: split for name in names if (split := _look_of(name))}
        if "train" in like.values() and len(set(like.values())) > 1:
            raise UserError(
                f"In {root}, {_named(sorted(f'{top}/{name}' for name in like))} look like splits below another folder;"
                f" give --images={root.rstrip('/')}/{top} if {top!r} is no class, or else move the images to"
                f" train/{top}/ and so on."
            )


def _look_of(name: str) -> str | None:
    like = _LIKE.fullmatch(name)
    return _SPLIT_OF[like[1].lower()] if like else None


def _named(names: Collection[str]) -> str:
    return " and ".join(map(repr, names))
