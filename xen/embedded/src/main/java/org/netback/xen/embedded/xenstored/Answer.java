package org.netback.xen.embedded.xenstored;

/// What a request gets: a reply's payload, or the name of an error.
sealed interface Answer permits Reply, StoreError {}
