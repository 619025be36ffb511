package dev.portcullis.core.link;

import io.grpc.Status;

/** Why a peer was refused: the label {@code cause} of {@code portcullis_link_refused_total}. */
public enum LinkFault {
  /** A kind of module that does not exist, or a module that the configuration does not have. */
  UNKNOWN(Status.Code.INVALID_ARGUMENT),
  /** What came is not the protocol of links, or contradicts itself. */
  MALFORMED(Status.Code.INVALID_ARGUMENT),
  /** A message that is longer than a batch can be. */
  TOO_LARGE(Status.Code.RESOURCE_EXHAUSTED),
  /** A version of the protocol that is not spoken here. */
  VERSION(Status.Code.FAILED_PRECONDITION),
  /** A connection over which nobody said who it is, in {@link LinkSettings#helloNs}. */
  SILENT(Status.Code.DEADLINE_EXCEEDED),
  /**
   * The peer could not show that it is who it says: no TLS, a certificate of a stranger or of
   * another kind of module, or a message in the name of another module.
   */
  IDENTITY(Status.Code.PERMISSION_DENIED),
  /** A stream or message that is for another module or lane. */
  MISDIRECTED(Status.Code.INVALID_ARGUMENT),
  /** A message of an earlier life of the peer, or for an earlier life of this module. */
  STALE(Status.Code.FAILED_PRECONDITION);

  private final Status.Code code;

  LinkFault(Status.Code code) {
    this.code = code;
  }

  /** Value of the label: lower case with hyphens. */
  public String label() {
    return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
  }

  /**
   * Returns the refusal of a peer.
   *
   * @param why what is wrong and what is allowed: one sentence
   */
  RefusedException refusal(String why) {
    return new RefusedException(this, code.toStatus().withDescription(why));
  }
}
