# Custodia in a container. It wants a PostgreSQL (DATABASE_URL) and a MASTER_KEY; scripts/compose.yaml brings both together.
#   docker build -t custodia .
#   docker run -p 127.0.0.1:3000:3000 -e DATABASE_URL=… -e MASTER_KEY="$(openssl rand -base64 32)" -v custodia-data:/data custodia
# Behind a registry of your own, give npm its settings for the time of the build only:
#   docker build --secret id=npmrc,src="$HOME/.npmrc" -t custodia .

FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Neither the tools of development nor the embedded PostgreSQL. What only compilers and debuggers read goes as well.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --omit=dev --omit=optional --no-audit --no-fund \
 && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete

# Of the Node image only node itself: npm, its packages and the C++ headers are 85 MB that a service never runs.
FROM debian:bookworm-slim
COPY --from=packages /usr/local/bin/node /usr/local/bin/node
# `node --version` fails the build, not the start, should a library be missing on some platform.
RUN groupadd --gid 1000 node \
 && useradd --uid 1000 --gid node --no-create-home --home-dir /data --shell /usr/sbin/nologin node \
 && install --directory --owner node --group node --mode 0700 /data \
 && node --version
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY LICENSE package.json ./
COPY migrations migrations
COPY scripts scripts
COPY src src

ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/data
# Attachments and checkpoints; nothing else is ever written, so the rest may be read-only.
VOLUME /data
EXPOSE 3000
USER node

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Custodia" \
      org.opencontainers.image.description="A headless customer-data hub: one API, one history per person, every access audited" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"

# Not ready while the database is away: an orchestrator sends requests elsewhere meanwhile.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

# node itself is process 1, so that SIGTERM reaches it: it finishes what is in flight and exits 0. Flags as in package.json.
CMD ["node", "--max-semi-space-size=4", "--max-old-space-size=128", "src/main.ts"]
