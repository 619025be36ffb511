/** The coordinator as sentences, and management over real gRPC. */
@NullMarked
package dev.portcullis.switching.management;

import org.jspecify.annotations.NullMarked;
