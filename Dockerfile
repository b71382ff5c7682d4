# The bot alone: no shell, no package manager, not root. The sandbox is left out.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --profile image --no-default-features --features aws --locked --bin rekey \
    && cp target/image/rekey /rekey \
    && mkdir /data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /rekey /usr/local/bin/rekey
# SQLite needs a folder that the bot may write; mount a volume here to keep it.
COPY --from=build --chown=65532:65532 /data /var/lib/rekey
WORKDIR /var/lib/rekey
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/rekey"]
CMD ["serve", "--config", "/etc/rekey/rekey.toml"]
