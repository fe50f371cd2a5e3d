# One image for the worker and the command line: `docker compose run --rm worker fleet load fleet.yaml`.
FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/maintrain && /opt/maintrain/bin/pip install --no-cache-dir -c constraints.txt .

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 maintrain && install -d -o maintrain /data
COPY --from=build /opt/maintrain /opt/maintrain
ENV PATH=/opt/maintrain/bin:$PATH MAINTRAIN_DATA=/data PYTHONUNBUFFERED=1
USER maintrain
WORKDIR /data
VOLUME /data
ENTRYPOINT ["maintrain"]
CMD ["worker"]
