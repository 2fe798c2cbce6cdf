# One image for every part: `evslot run <part>`. No shell is needed to run it, no root, no
# writable root file system. Pin the base in production:
#   --build-arg BASE=python:3.13-slim-bookworm@sha256:…
ARG BASE=python:3.13-slim-bookworm

# Makes the wheel of evslot, with the browser app inside, and the environment it runs in; stays
# behind, and with it Node, which comes as a wheel.
FROM ${BASE} AS build
WORKDIR /build
COPY requirements/build.txt requirements/image.txt requirements/streets.txt requirements/
# Wheels only: nothing is compiled, so no stage needs a compiler. The environment gets no pip.
RUN python3 -m venv tools \
 && tools/bin/pip install --no-cache-dir --only-binary :all: --require-hashes \
    -r requirements/build.txt \
 && python3 -m venv --without-pip /opt/evslot \
 && tools/bin/pip --python /opt/evslot/bin/python install --no-cache-dir --no-compile \
    --only-binary :all: --require-hashes -r requirements/image.txt
COPY pyproject.toml README.md LICENSE hatch_build.py ./
COPY web/ web/
COPY src/ src/
# Byte code is compiled by content, not by date: the same input makes the same files.
RUN tools/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir wheels . \
 && tools/bin/pip --python /opt/evslot/bin/python install --no-cache-dir --no-compile --no-deps \
    wheels/*.whl \
 && /opt/evslot/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/evslot/lib
COPY deploy/image/healthy.py /opt/evslot/healthy.py

FROM ${BASE}
LABEL org.opencontainers.image.title="evslot" \
      org.opencontainers.image.licenses="Apache-2.0"
# Named volumes take over the owner of the folder they cover: one for each part's private keys,
# one for the whole set, which only the job that makes it ever mounts.
RUN groupadd --system --gid 10001 evslot \
 && useradd --system --uid 10001 --gid evslot --no-create-home --home-dir /nonexistent \
    --shell /usr/sbin/nologin evslot \
 && install -d -m 0755 /keys \
 && install -d -o evslot -g evslot -m 0700 /keys/all /keys/gateway /keys/user /keys/station \
    /keys/reservation /keys/payment /keys/notification
COPY --from=build /opt/evslot /opt/evslot
ENV PATH=/opt/evslot/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /tmp
# The part finishes what is in hand and commits its offsets; that takes at most ten seconds.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
  CMD ["/opt/evslot/bin/python", "-I", "-S", "/opt/evslot/healthy.py"]
ENTRYPOINT ["evslot"]
CMD ["--help"]
