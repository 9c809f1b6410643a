# The `spendgate` executable with exactly the locked packages, for a user without rights, who could not write the
# bytecode: without it each start takes twice as long.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements-setup.lock requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements-setup.lock \
    && python -m venv --without-pip /opt/spendgate \
    && uv pip install --no-cache --compile-bytecode --python /opt/spendgate/bin/python --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY core core
COPY models models
COPY streams streams
COPY ledger ledger
COPY notifier notifier
COPY schedulers schedulers
COPY operations operations
COPY console console
COPY cli cli
COPY local local
COPY simulation simulation
RUN pip wheel --no-cache-dir --no-index --no-deps --no-build-isolation --wheel-dir /wheel . \
    && uv pip install --no-cache --compile-bytecode --python /opt/spendgate/bin/python --no-index --no-deps /wheel/*.whl

FROM python:3.11-slim-bookworm
COPY --from=build /opt/spendgate /opt/spendgate
RUN useradd --system --uid 10001 --home-dir /tmp spendgate
USER 10001
ENV PATH=/opt/spendgate/bin:$PATH PYTHONUNBUFFERED=1 SPENDGATE_METRICS_PORT=9100 SPENDGATE_DATA_DIR=/tmp/spendgate
EXPOSE 8000 9100 9101 9102
# A process that exports its metrics is alive; the api is asked for more in docker-compose.yml.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['SPENDGATE_METRICS_PORT']}/metrics\", timeout=4)"]
CMD ["spendgate", "--help"]
