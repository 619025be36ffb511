/** All modules of a gateway in one process, over real links on loopback. */
@NullMarked
package dev.portcullis.standalone.gateway;

import org.jspecify.annotations.NullMarked;
