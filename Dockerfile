# docker run --rm -v "$PWD:/data:ro" fhirkit validate records
FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY scripts/build_definitions.py scripts/
COPY fhirkit fhirkit
RUN pip wheel --no-cache-dir --wheel-dir /wheels .

FROM python:3.12-slim
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels fhirkit \
    && useradd --create-home --uid 1000 fhirkit
USER fhirkit
WORKDIR /data
ENTRYPOINT ["fhirkit"]
CMD ["--help"]
