package org.netback.console;

import java.util.List;

/// A console at this moment.
///
/// @param name "console1.0": its type, domain and number
/// @param guest the domain's name, as its toolstack wrote it; empty if unknown
/// @param viewers names of those who look at it
/// @param writer the name of the one whose input is taken; empty if there is none
/// @param fromGuest octets that the guest has put
/// @param toGuest octets that it was given
/// @param held how often it was held back since a viewer was full, or its log hung
/// @param logLost octets of it that are not in its log, though it has one
/// @param tty its pty, empty if it has none
public record ConsoleStatistics(
    String name,
    String guest,
    int domid,
    int number,
    List<String> viewers,
    String writer,
    long fromGuest,
    long toGuest,
    long held,
    long logLost,
    String tty) {
  public ConsoleStatistics {
    viewers = List.copyOf(viewers);
  }
}
