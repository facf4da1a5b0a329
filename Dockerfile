# syntax-free on purpose: builds with the builder that comes with Docker, fetching nothing but the base image and the packages
# One image for the four services, their jobs and the simulators: which of them it is, its command says.
FROM python:3.11.14-slim-bookworm AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.txt /
RUN python -m venv --without-pip /venv \
 && python -m pip --python /venv/bin/python install --require-hashes --only-binary :all: -r /requirements.txt \
 && find /venv -type d \( -name tests -o -name test -o -name __pycache__ \) -prune -exec rm -rf {} +

FROM python:3.11.14-slim-bookworm
LABEL org.opencontainers.image.title="Một Lần" org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/app
COPY --from=packages /venv /venv
COPY . /app
RUN python -m compileall -q /venv/lib /app || true
# A number, so that an orchestrator can see that it is not root.
USER 10001:10001
WORKDIR /app
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s \
  CMD ["python", "-m", "infra.compose.healthy", "/health/ready"]
CMD ["python", "-c", "raise SystemExit('say what to run: python -m services.consent, for one')"]
