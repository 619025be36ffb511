/** Follows FTP control connections: expects the data connections that they announce. */
@NullMarked
package dev.portcullis.worker.stage.ftp;

import org.jspecify.annotations.NullMarked;
