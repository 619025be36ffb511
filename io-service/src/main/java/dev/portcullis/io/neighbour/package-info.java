/** Who is on the link of a port: ARP, neighbour discovery, and which of them is the next hop. */
@NullMarked
package dev.portcullis.io.neighbour;

import org.jspecify.annotations.NullMarked;
