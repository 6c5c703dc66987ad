"""Packaging of tf_emcom is in pyproject.toml; this only adds the gin files, which lie beside the package, to it."""

from setuptools import find_packages, setup

PACKAGES = find_packages(include=["tf_emcom", "tf_emcom.*"])
setup(packages=[*PACKAGES, "tf_emcom.gin"], package_dir={"tf_emcom.gin": "gin"})
