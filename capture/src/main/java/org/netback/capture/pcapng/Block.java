package org.netback.capture.pcapng;

/// A block of a capture file, as [CaptureReader] gives it.
public sealed interface Block
    permits SectionHeader,
        InterfaceDescription,
        CapturedPacket,
        NameResolution,
        InterfaceStatistics,
        OtherBlock {}
