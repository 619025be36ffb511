package dev.portcullis.standalone.simulate;

import dev.portcullis.core.distribution.Lanes;

/** A flow as its hosts see it, and as a gateway of one worker would have it. */
final class Flow {

  final long id;

  /** Key before translation. */
  final long key;

  final ToyIoShard client;
  final ToyIoShard server;
  final int requests;
  int sentRequests;
  int sentReplies;

  /** Packets that are inside the gateway. */
  int inside;

  /** Requests and replies that its hosts are about to send. */
  final int[] coming = new int[2];

  long nextReplyNs;

  /** Whether a fault has taken a packet or state of it along: it ends. */
  boolean broken;

  /** Whether a killed worker took state of it along: nothing is expected of it any more. */
  boolean lost;

  // the model gateway
  boolean open;
  boolean pathOpen;
  long binding;
  final Entry entry;
  final Entry path;
  final int[] lastDelivered = new int[2];

  Flow(long id, ToyIoShard client, ToyIoShard server, int requests) {
    this.id = id;
    this.client = client;
    this.server = server;
    this.requests = requests;
    key = Lanes.mix(id * 2);
    entry = new Entry(key, id);
    path = new Entry(0, id);
  }

  /** Whether nothing of it will come any more. */
  boolean over() {
    return (sentRequests == requests || broken)
        && inside == 0
        && (coming[0] == 0 || client.ended())
        && (coming[1] == 0 || server.ended());
  }

  /** Key after translation, when there is one. */
  long translatedKey() {
    return Lanes.mix(binding * 2 + 1);
  }
}
