# DermaViz on the CPU, as an ordinary user; docs/deploy.md says how it is run.
FROM python:3.11.14-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 \
    HOME=/tmp TMPDIR=/tmp DERMAVIZ_CACHE=/tmp/dermaviz DERMAVIZ_CHECKPOINTS=/checkpoints
WORKDIR /app
COPY requirements.txt pyproject.toml README.md LICENSE ./
COPY dermaviz dermaviz
COPY studies studies
COPY .streamlit .streamlit
COPY app.py ./
COPY pages pages
COPY checkpoints checkpoints
RUN pip install --extra-index-url https://download.pytorch.org/whl/cpu -r requirements.txt \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin dermaviz \
    && mkdir /checkpoints
USER 10001
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["streamlit", "run", "app.py", "--server.headless=true", "--server.address=0.0.0.0", "--server.port=8501"]
