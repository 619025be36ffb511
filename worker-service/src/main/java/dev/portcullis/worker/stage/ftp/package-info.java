/** Follows FTP control connections, so that their data connections pass and are translated. */
@NullMarked
package dev.portcullis.worker.stage.ftp;

import org.jspecify.annotations.NullMarked;
