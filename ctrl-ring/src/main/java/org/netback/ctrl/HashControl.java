package org.netback.ctrl;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.netback.hashing.HashConfiguration;
import org.netback.hashing.HashKey;
import org.netback.hashing.HashMapping;
import org.netback.hashing.HashType;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.io.netif.CtrlRequest;

/// What one connection's guest has chosen of hashing. Every request is judged whole before anything
/// of it counts, and what counts is one immutable [HashConfiguration]: whoever steers frames sees
/// the old one or the new one, never a mixture, and the new one before the guest has its answer.
///
/// Where Linux's netback answers otherwise than io/netif.h says, this follows the header: a key or
/// a table that is larger than supported is BUFFER_OVERFLOW. Fields that the header wants to be
/// zero are not looked at.
///
/// Requests come one at a time; [#configuration()] is for any thread.
public final class HashControl {
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final PrivatePage page;
  private final int queues;
  private volatile HashConfiguration configuration = HashConfiguration.INITIAL;

  /// @param queues of the connection, which the mapping table may name
  public HashControl(GrantTable grants, int domid, int queues) {
    this.page = new PrivatePage(grants, domid);
    this.queues = queues;
  }

  /// What holds now.
  public HashConfiguration configuration() {
    return configuration;
  }

  Answer setAlgorithm(int algorithm) {
    return switch (algorithm) {
      case CtrlRequest.HASH_ALGORITHM_NONE -> change(configuration.withToeplitz(false));
      case CtrlRequest.HASH_ALGORITHM_TOEPLITZ -> change(configuration.withToeplitz(true));
      default -> Answer.INVALID;
    };
  }

  Answer flags() {
    return configuration.isToeplitz() ? Answer.of(HashType.ALL) : Answer.NOT_SUPPORTED;
  }

  Answer setFlags(int types) {
    if (!configuration.isToeplitz() || (types & ~HashType.ALL) != 0) {
      return Answer.INVALID;
    }
    return change(configuration.withTypes(types));
  }

  /// @param size octets, unsigned; without any, the page is not looked at
  Answer setKey(int gref, int size) {
    if (Integer.compareUnsigned(size, HashKey.MAX_LENGTH) > 0) {
      return Answer.TOO_LARGE;
    }
    if (size > 0 && !page.read(gref, size)) {
      return Answer.INVALID;
    }
    byte[] octets = page.memory().asSlice(0, size).toArray(ValueLayout.JAVA_BYTE);
    return change(configuration.withKey(HashKey.of(octets)));
  }

  Answer mappingSize() {
    return Answer.of(HashMapping.MAX_SIZE);
  }

  Answer setMappingSize(int size) {
    if (Integer.compareUnsigned(size, HashMapping.MAX_SIZE) > 0) {
      return Answer.INVALID;
    }
    return change(configuration.withMapping(HashMapping.zeroed(size)));
  }

  /// @param size entries, unsigned, as is their offset
  Answer setMapping(int gref, int size, int offset) {
    if (Integer.compareUnsigned(size, HashMapping.MAX_SIZE) > 0) {
      return Answer.TOO_LARGE;
    }
    HashMapping table = configuration.mapping();
    // Both are unsigned, and their sum has 33 bits (XSA-270).
    if (Integer.toUnsignedLong(offset) + size > table.size()) {
      return Answer.INVALID;
    }
    if (size == 0) {
      return Answer.DONE;
    }
    if (!page.read(gref, size * Integer.BYTES)) {
      return Answer.INVALID;
    }
    int[] entries = page.memory().asSlice(0, (long) size * Integer.BYTES).toArray(U32);
    for (int queue : entries) {
      if (Integer.compareUnsigned(queue, queues) >= 0) {
        return Answer.INVALID;
      }
    }
    return change(configuration.withMapping(table.with(offset, entries)));
  }

  private Answer change(HashConfiguration to) {
    configuration = to;
    return Answer.DONE;
  }
}
