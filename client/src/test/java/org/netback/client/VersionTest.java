package org.netback.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class VersionTest {
  @Test
  void isTheProjects() throws Exception {
    Matcher version =
        Pattern.compile("<artifactId>netback-parent</artifactId>\\s*<version>([^<]+)</version>")
            .matcher(Files.readString(Path.of("pom.xml")));
    assertThat(version.find()).isTrue();
    assertThat(Version.current()).isEqualTo(version.group(1).replace("-SNAPSHOT", ""));
    StringWriter out = new StringWriter();
    assertThat(Client.run(Invocation.parse(List.of("--version")), out)).isZero();
    assertThat(out).hasToString("netback " + Version.current() + "\n");
  }
}
