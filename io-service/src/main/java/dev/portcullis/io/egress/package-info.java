/** From worker to port: untag, find the port, transmit. */
@NullMarked
package dev.portcullis.io.egress;

import org.jspecify.annotations.NullMarked;
