/** What the operator makes for a PacketGateway: one resource a file, with one desired(). */
@NullMarked
package dev.portcullis.operator.dependent;

import org.jspecify.annotations.NullMarked;
