# MLflow's own server for the bundled, optional part of the chart: docker build -f deploy/images/mlflow.Dockerfile .
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}
COPY hack/python/mlflow.txt /tmp/requirements.txt
RUN python3 -m venv /opt/mlflow \
 && /opt/mlflow/bin/pip install --no-cache-dir --disable-pip-version-check -r /tmp/requirements.txt \
 && rm /tmp/requirements.txt
ENV PATH=/opt/mlflow/bin:$PATH HOME=/tmp
USER 65532:65532
EXPOSE 5000
ENTRYPOINT ["/opt/mlflow/bin/python", "-m", "mlflow"]
