/** Capture files: pcap and pcapng, and what stands in front of the IP packet in a frame. */
@NullMarked
package dev.portcullis.io.pcap;

import org.jspecify.annotations.NullMarked;
