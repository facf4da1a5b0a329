# One image for the four services, their jobs and the simulators: which of them it is, its command says.
FROM python:3.11.14-slim-bookworm AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.txt /
# pip stays behind, and so do the packages' own tests
RUN python -m venv --without-pip /venv \
 && python -m pip --python /venv/bin/python install --require-hashes --only-binary :all: -r /requirements.txt \
 && find /venv -type d \( -name tests -o -name test -o -name __pycache__ \) -prune -exec rm -rf {} +

FROM python:3.11.14-slim-bookworm
LABEL org.opencontainers.image.title="Một Lần" org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/app
COPY --from=packages /venv /venv
COPY . /app
# A number, so that an orchestrator can see that it is not root.
USER 10001:10001
WORKDIR /app
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=10s --retries=6 --start-period=90s \
  CMD ["python", "-m", "infra.compose.healthy", "/health/ready"]
CMD ["python", "-c", "raise SystemExit('say what to run: python -m services.consent, for one')"]
