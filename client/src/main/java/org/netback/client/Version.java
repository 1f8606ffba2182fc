package org.netback.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/// The version of the program, which the build takes from the project's.
public final class Version {
  private static final String RESOURCE = "version.txt";
  private static final String SNAPSHOT = "-SNAPSHOT";

  private Version() {}

  /// As `netback --version` and the control API tell it; what is built before a release has the
  /// release's.
  public static String current() {
    try (InputStream in = Version.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new IllegalStateException(RESOURCE + " is not there");
      }
      String version = new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
      return version.endsWith(SNAPSHOT)
          ? version.substring(0, version.length() - SNAPSHOT.length())
          : version;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
