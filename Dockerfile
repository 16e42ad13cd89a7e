# The router process, for Kafka: webhooks in, deliveries out. Holds the packed package and its dependencies, no sources and no
# build tools. Mount a router document at /app/infra/router.ts, and name the brokers and each source's secret by variables:
# docs/deploy.md. Runs as any user of group 0, with a read-only root; what it writes goes to /data.

FROM node:24.21.0-slim AS pack
WORKDIR /sources
# No install scripts: the only one that is needed would fetch the Node that is here already.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json serverless.yml README.md LICENSE ./
COPY adapters adapters
COPY exports exports
COPY functions functions
COPY infra infra
COPY local local
COPY router router
COPY test/contract test/contract
COPY test/harness test/harness
RUN npm pack --pack-destination /

FROM node:24.21.0-slim
WORKDIR /app
COPY --from=pack /busway-*.tgz /app/
RUN echo '{ "private": true, "type": "module" }' > package.json \
  && npm install --omit=dev --no-audit --no-fund ./busway-*.tgz \
  && npm cache clean --force \
  && rm busway-*.tgz \
  && mkdir infra /data \
  && chgrp 0 /data \
  && chmod 0770 /data
# By number, so that Kubernetes can tell that it is not root. OpenShift puts another user of group 0 in its place.
USER 1000:0
VOLUME /data
EXPOSE 4400
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["node", "--eval", "fetch('http://127.0.0.1:4400/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "node_modules/busway/local/bin.cjs"]
CMD ["dev", "--config", "infra/router.ts", "--data", "/data", "--host", "0.0.0.0", "--drain", "5000"]
