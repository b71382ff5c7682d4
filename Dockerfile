# The bot alone, static and on nothing: no shell, no package manager, not root. The sandbox is left out.
# Where there is no container engine, manifests/image/build.sh makes the same image.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    host="$(rustc -vV | sed -n 's/^host: //p')" \
    && RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --profile image --target "$host" \
       --no-default-features --features aws --bin rekey \
    && manifests/image/root.sh "target/$host/image/rekey" /image

FROM scratch
COPY --from=build /image/ /
# SQLite needs a folder that the bot may write; mount a volume here to keep it.
COPY --from=build --chown=65532:65532 /image/var/lib/rekey /var/lib/rekey
WORKDIR /var/lib/rekey
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["/usr/local/bin/rekey"]
CMD ["serve", "--config", "/etc/rekey/rekey.toml"]
