/// Capture files as draft-ietf-opsawg-pcapng describes them: their blocks, a writer and a reader.
@NullMarked
package org.netback.capture.pcapng;

import org.jspecify.annotations.NullMarked;
