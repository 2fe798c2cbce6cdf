"""What the image apache/kafka does at its start: variables become settings, a new disk a format."""

import os
import subprocess
from pathlib import Path

SETTINGS = Path("/opt/kafka/config/server.properties")
LOGGING = Path("/opt/kafka/config/log4j2.properties")
NOT_SETTINGS = {"KAFKA_HEAP_OPTS", "KAFKA_OPTS", "KAFKA_JVM_PERFORMANCE_OPTS"}
LOGGING_TEXT = """\
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %m (%c)%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


def main() -> None:
    """Becomes the broker."""
    settings = {
        setting_of(name): value
        for name, value in os.environ.items()
        if name.startswith("KAFKA_") and name not in NOT_SETTINGS
    }
    SETTINGS.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    LOGGING.write_text(LOGGING_TEXT)
    java = [
        "/opt/java/bin/java",
        *os.environ.get("KAFKA_HEAP_OPTS", "-Xmx512m").split(),
        *("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"),
        *("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"),
        *(f"-Dlog4j2.configurationFile={LOGGING}", "-cp", "/opt/kafka/libs/*"),
    ]
    storage = ["kafka.tools.StorageTool", "format", "--ignore-formatted"]
    cluster = ["-t", os.environ["CLUSTER_ID"], "-c", str(SETTINGS)]
    subprocess.run([*java, *storage, *cluster], check=True)
    os.execv(java[0], [*java, "kafka.Kafka", str(SETTINGS)])


def setting_of(name: str) -> str:
    """`KAFKA_LOG_DIRS` is log.dirs; two underscores are one, three are a dash."""
    words = name.removeprefix("KAFKA_").lower()
    return words.replace("___", "-").replace("__", "\0").replace("_", ".").replace("\0", "_")


if __name__ == "__main__":
    main()
