/** What the kernel leaves to others: checksums that are missing, and super-packets to be cut. */
@NullMarked
package dev.portcullis.io.offload;

import org.jspecify.annotations.NullMarked;
