package org.netback.daemon.config;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Optional;

/// The text of a configuration file: UTF-8, of bounded length, from a regular file or a link to
/// one. A FIFO would be waited for, and a device has no end.
final class ConfigurationText {
  /// The longest file, in octets.
  static final int MAX_OCTETS = 1 << 20;

  private ConfigurationText() {}

  /// @throws ConfigurationException the file cannot be read, with the reason, or is no text
  static String read(Path file) throws ConfigurationException {
    byte[] octets;
    try {
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      if (attributes.isDirectory()) {
        throw wrong(file, "this is a directory, not a file");
      }
      if (!attributes.isRegularFile()) {
        throw wrong(file, "this is a device, a FIFO or a socket, not a regular file");
      }
      try (InputStream in = Files.newInputStream(file)) {
        octets = in.readNBytes(MAX_OCTETS + 1);
      }
    } catch (IOException e) {
      throw wrong(file, reason(e));
    }
    if (octets.length > MAX_OCTETS) {
      throw wrong(file, "longer than " + MAX_OCTETS + " octets");
    }
    return decode(file.toString(), octets);
  }

  private static ConfigurationException wrong(Path file, String message) {
    return new ConfigurationException(file + ": " + message);
  }

  /// What the system refused, in words; an exception's message may be the file's name alone.
  static String reason(IOException e) {
    return switch (e) {
      case NoSuchFileException _ -> "there is no such file";
      case AccessDeniedException _ -> "permission denied: this user may not read it";
      case FileSystemException refused ->
          Optional.ofNullable(refused.getReason()).orElse(refused.toString());
      default -> String.valueOf(e.getMessage());
    };
  }

  /// Decodes UTF-8, with or without the mark that some editors put before it.
  static String decode(String file, byte[] octets) throws ConfigurationException {
    ByteBuffer in = ByteBuffer.wrap(octets);
    CharBuffer out = CharBuffer.allocate(octets.length);
    CoderResult result = StandardCharsets.UTF_8.newDecoder().decode(in, out, true);
    String text = out.flip().toString();
    if (result.isError()) {
      throw YamlMap.at(
          file,
          text,
          text.length(),
          "octet 0x%02x at offset %d is not UTF-8, in which a configuration is written"
              .formatted(octets[in.position()], in.position()));
    }
    return text.startsWith("\ufeff") ? text.substring(1) : text;
  }
}
