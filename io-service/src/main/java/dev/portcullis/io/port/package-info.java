/** Ports: where frames come in and leave, one driver a file. */
@NullMarked
package dev.portcullis.io.port;

import org.jspecify.annotations.NullMarked;
