package org.netback.xen.bus;

/// How a device stood when the bus last looked at it.
///
/// @param backend the backend's state
/// @param frontend the frontend's state
/// @param attached whether the backend is connected to the frontend's rings
/// @param lastError the newest text of the error node, empty if there was none
public record DeviceStatus(
    DeviceId id, XenbusState backend, XenbusState frontend, boolean attached, String lastError) {}
