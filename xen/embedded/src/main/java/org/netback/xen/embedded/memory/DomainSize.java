package org.netback.xen.embedded.memory;

/// How much memory a domain has. Pages take no room of the machine's until they are touched.
///
/// @param grantFrames pages of grant table, 512 references each; 1 to 64 as Xen allows by default
/// @param pages pages of memory for the guest, beside the table
public record DomainSize(int grantFrames, int pages) {
  /// Room for 8 queues with full rings of pages both ways.
  public static final DomainSize DEFAULT = new DomainSize(32, 16384);

  private static final int MAX_GRANT_FRAMES = 64;
  private static final int MAX_PAGES = 1 << 16;

  public DomainSize {
    if (grantFrames < 1 || grantFrames > MAX_GRANT_FRAMES || pages < 1 || pages > MAX_PAGES) {
      throw new IllegalArgumentException(
          "domain of "
              + grantFrames
              + " grant frames (1 to "
              + MAX_GRANT_FRAMES
              + ") and "
              + pages
              + " pages (1 to "
              + MAX_PAGES
              + ')');
    }
  }

  int totalPages() {
    return grantFrames + pages + 1;
  }

  /// The frame of the console's page, which the toolstack chooses: behind the guest's own.
  public int consoleFrame() {
    return grantFrames + pages;
  }
}
