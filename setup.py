"""Packaging of tf_emcom; `constraints.txt` holds the versions that it is tested with."""

from setuptools import find_packages, setup

setup(
    name="tf_emcom",
    version="0.1.0",
    description="Emergent communication in TensorFlow: agents that invent a language in order to play a game together",
    author="The tf_emcom authors",
    license="Apache-2.0",
    packages=find_packages(include=["tf_emcom", "tf_emcom.*"]),
    package_data={"tf_emcom.tools.report": ["template/*", "template/blocks/*"]},
    python_requires=">=3.11",
    install_requires=[
        "keras>=3,<4",
        "tensorflow-datasets",
        "tensorflow-probability",
        "absl-py",
        "numpy",
        "scipy",
        "scikit-learn",
        "editdistance",
        "gin-config==0.5.0",  # runtime/gin_tables.py uses names of it that are not public
        "matplotlib",
        "pillow",
        "rapidfuzz",
        "rich",
        "tqdm",
    ],
    # TensorFlow comes as one of three packages that overwrite each other's files, so exactly one of cpu, cuda and tpu
    # is wanted. tensorflow-probability needs tf-keras, which insists on the package `tensorflow`: beside tensorflow-cpu
    # and tensorflow-tpu it is therefore installed last, with `pip install --no-deps tf-keras==2.20.1`.
    extras_require={
        "cpu": ["tensorflow-cpu==2.20.*"],
        "cuda": ["tensorflow[and-cuda]==2.20.*", "tf-keras==2.20.*"],
        # Later releases of libtpu make `import tensorflow` abort.
        "tpu": ["tensorflow-tpu==2.20.0", "libtpu>=0.0.14,<=0.0.31"],
        # The TPU compiler for bin/preflight, which needs no TPU. Never beside tpu, whose libtpu is another one; it is
        # pinned here and not in constraints.txt, which hold for both.
        "preflight": ["jax[tpu]==0.10.2", "libtpu==0.0.42.1"],
        "corpora": ["pyarrow"],
        "report": ["jinja2"],
        "docs": ["pdoc"],
        "test": ["allpairspy", "jinja2", "pdoc", "playwright", "pyarrow", "pytest", "pytest-xdist", "ruff"],
    },
)
