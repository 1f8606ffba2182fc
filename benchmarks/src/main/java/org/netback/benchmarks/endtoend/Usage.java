package org.netback.benchmarks.endtoend;

/// CPU seconds that a measured load has cost.
///
/// @param all everything that took part, with the kernel's threads for it
/// @param ofSwitch the switch's processes; 0 for one in the kernel, whose work the sender's
///   processes pay
/// @param ofGuests what stands between the switch and the stacks: `netback guest`
/// @param others cores that were busy with anything else meanwhile
/// @param stolen cores that other machines on the same processors had meanwhile
record Usage(double all, double ofSwitch, double ofGuests, double others, double stolen) {}
