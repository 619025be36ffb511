/** The story of one PacketGateway: what is wanted, what there is, what is said about it. */
@NullMarked
package dev.portcullis.operator.gateway;

import org.jspecify.annotations.NullMarked;
