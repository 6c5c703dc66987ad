# An image that trains: `docker build --tag tf_emcom .`, with a GPU `docker build --build-arg EXTRA=cuda --tag tf_emcom:cuda .`
# docker run --rm --volume "$PWD/runs:/work/runs" tf_emcom train --gin_file=gin/nlg_digits.gin
# With a GPU, add `--gpus all`, which needs NVIDIA's container toolkit; the image brings CUDA's libraries.
FROM python:3.12-slim
ARG EXTRA=corpora
COPY . /source
RUN pip install --no-cache-dir --constraint /source/constraints.txt "/source[$EXTRA]" && rm -r /source
WORKDIR /work
ENTRYPOINT ["tf-emcom"]
