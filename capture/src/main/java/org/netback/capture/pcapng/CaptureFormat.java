package org.netback.capture.pcapng;

import java.io.IOException;
import java.util.Optional;

/// How a file's blocks follow one another.
sealed interface CaptureFormat permits PcapngFormat, PcapFormat {
  /// The next block, or nothing if the file ends before it or within it. The position of the input
  /// is then at the beginning of what is left.
  Optional<Block> next() throws IOException;
}
