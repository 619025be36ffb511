# A Java runtime with what Portcullis needs of it, on a slim base: the default BASE of docker/Dockerfile.
#   docker build -t portcullis/jre:25 -f docker/jre.Dockerfile docker
ARG JDK=eclipse-temurin:25-jdk
ARG BASE=debian:bookworm-slim

FROM ${JDK} AS jdk
RUN jlink --output /opt/java --strip-java-debug-attributes --no-header-files --no-man-pages \
      --add-modules java.se,jdk.crypto.ec,jdk.httpserver,jdk.jcmd,jdk.jfr,jdk.management,jdk.management.agent,jdk.naming.dns,jdk.net,jdk.nio.mapmode,jdk.unsupported,jdk.zipfs \
 && /opt/java/bin/java -Xshare:dump

FROM ${BASE}
COPY --from=jdk /opt/java /opt/java
ENV JAVA_HOME=/opt/java
ENV PATH=/opt/java/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["java", "-version"]
