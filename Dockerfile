# The gate's image, built with Docker. Prefer `tts-render image build`: it needs no Docker, and its digest
# is the same every time.
#
#   tts-render image build        # or a release's vram-gate
#   docker build --build-arg GATE=target/x86_64-unknown-linux-gnu/gate/vram-gate -t vram-gate .
FROM scratch
ARG GATE
COPY --chown=0:0 --chmod=0644 LICENSE /licenses/LICENSE
COPY --chown=0:0 --chmod=0644 src/image/notices/vram-gate.txt /licenses/THIRD-PARTY-NOTICES
COPY --chown=0:0 --chmod=0755 ${GATE} /vram-gate
USER 65532:65532
ENTRYPOINT ["/vram-gate"]
