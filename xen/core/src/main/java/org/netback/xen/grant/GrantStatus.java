package org.netback.xen.grant;

/// Status codes of grant operations (public/grant_table.h, `GNTST_*`). Negative is an error.
public final class GrantStatus {
  public static final short OKAY = 0;
  public static final short GENERAL_ERROR = -1;
  public static final short BAD_DOMAIN = -2;
  public static final short BAD_GNTREF = -3;
  public static final short BAD_HANDLE = -4;
  public static final short PERMISSION_DENIED = -8;
  public static final short BAD_PAGE = -9;

  /// A copy would cross a page's boundary.
  public static final short BAD_COPY_ARG = -10;

  public static final short EAGAIN = -12;

  private GrantStatus() {}
}
