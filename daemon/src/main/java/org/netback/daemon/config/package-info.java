/// What an operator asks the daemon for, and the reading of it from a YAML file whose every mistake
/// is named with its line.
@NullMarked
package org.netback.daemon.config;

import org.jspecify.annotations.NullMarked;
