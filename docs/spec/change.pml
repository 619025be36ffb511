/* Change of table e -> e+1 -> e+2: two hops, a second change asked for during the first, crash of any module at any moment.
 *
 * Nodes 0..2 workers, 3 = IO0 (sends requests 1..P, takes replies), 4 = IO1 (sends replies 1..Q, takes requests).
 * One flow with two keys: key 0 before NAT (first hop), key 1 after NAT (second hop, holds the path record).
 *   request: IO0 -> owner(key 0) -> owner(key 1) -> IO1;   reply: IO1 -> owner(key 1) -> owner(key 0) -> IO0.
 *
 * Channels are FIFO, exactly once between live generations (channel.pml makes them of streams that break). So
 *   barrier(s,w): s uses the epoch of w, and nothing older is left in the channel s -> w;
 *   acknowledged(w): what was in the channels from w when it closed has been received (mark[]).
 * Each module switches at any moment after the decision, or when it meets the newer epoch in a message.
 * A crash with replication sync replaces a worker by its replica, generation + 1 (fence.pml: the old one is silent):
 * inboxes and hold queues are lost and counted; of what it had sent, any prefix arrives on each channel.
 * With -DNONE there is no replica: the new generation starts empty, and "lost" classes are announced as such.
 *
 * No behaviour is infinite, so "no invalid end state" says too: every change completes, every packet is settled.
 * Checked: I1 only the worker that has the class processes it, on the newest state; I2 each packet delivered once or
 * lost and counted once; I3 order per flow and direction; I4 epochs; no deadlock; completion.
 * MUT=n breaks one rule; `check` shows that each break is caught.
 */
#ifndef P
#define P 2
#endif
#ifndef Q
#define Q 1
#endif
#ifndef LAST
#define LAST 2
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef MUT
#define MUT 0
#endif
#ifndef TABLES
#define TABLES 0
#endif
#define CAP (P+Q+4)
#define W 3
#define M 5
#define CH(s,d) ((s)*M+(d))           /* a worker has a channel to itself: both keys may be its own */
#define KW(k,w) ((k)*W+(w))
#define BIT(n) (1<<(n))

mtype = { DATA, ACTIVATE, TAKEN };

chan c[25] = [CAP] of { mtype, byte, byte };         /* DATA x = dir*8+num; ACTIVATE x = key + 2*state; epoch */
chan held[6] = [P+Q] of { byte };                    /* hold queue per key and worker */

byte own[6];                      /* own[k*3+e]: the tables */
byte committed;                   /* newest epoch decided by the coordinator */
byte done[3];                     /* newest epoch that worker w reported done */
byte crashes;
byte mute = 9;                    /* MUT 11 */
#if MUT == 8
chan late[5] = [CAP] of { mtype, byte, byte, byte };   /* what a fenced generation said, heard after the new one */
#endif

byte epoch[5];                       /* epoch in use */
byte down[5];                     /* down[d]: senders that have not yet reopened their channel to d */
byte mark[25];                    /* messages that must be received before the sender may handOver */
bool closed[3];
bool isActive[6];                      /* class active here                  } replicated */
bool sent[6];                     /* released, content kept until taken } */
byte activatedAt[6];                      /* epoch of its last activation       } */
byte st[6];                       /* flow state: packets processed      } */

byte total[2];                    /* ghosts: packets processed per key, all workers */
byte seen[4];                     /* last number processed per key and direction */
byte got[2];                      /* last number delivered per direction */
byte ngot, lost, nxt[2];

#define over (committed == LAST && done[0] == LAST && done[1] == LAST && done[2] == LAST && nxt[0] == P && nxt[1] == Q && ngot + lost == P + Q)
#define OWNER(k,e) own[(k)*3+(e)]
#define OLD(s,w) (c[CH(s,w)]??[DATA,_,eval(epoch[w]-1)])
#define BARRIER(s,w) (epoch[s] >= epoch[w] && !(down[w] & BIT(s)) && !OLD(s,w) && mute != s)
#define PEERS(w) (BARRIER(0,w) && BARRIER(1,w) && BARRIER(2,w))
#if MUT == 1
#define BARRIERS(w) (BARRIER(3,w) && BARRIER(4,w) && !OLD(w,w))                        /* barriers of IO modules, not of peers */
#elif MUT == 3
#define BARRIERS(w) (BARRIER(3,w) && PEERS(w))   /* barrier of one IO module skipped */
#else
#define BARRIERS(w) (BARRIER(3,w) && BARRIER(4,w) && PEERS(w))
#endif
#if MUT == 2
#define ACKNOWLEDGED(w) true                                            /* class released before its packets are received */
#else
#define ACKNOWLEDGED(w) (mark[CH(w,0)] + mark[CH(w,1)] + mark[CH(w,2)] + mark[CH(w,3)] + mark[CH(w,4)] == 0)
#endif
#define MOVING(w,k) (isActive[KW(k,w)] && OWNER(k, epoch[w]) != w)
#define MISSING(w,k) (!isActive[KW(k,w)] && OWNER(k, epoch[w]) == w)
#define MAY_CLOSE(w) (!closed[w] && BARRIERS(w) && (MOVING(w,0) || MOVING(w,1)))
#define MAY_HAND_OVER(w,k) (closed[w] && MOVING(w,k) && ACKNOWLEDGED(w))
#define DONE(w) (done[w] < epoch[w] && BARRIERS(w) && !MOVING(w,0) && !MOVING(w,1) && !MISSING(w,0) && !MISSING(w,1) && !sent[KW(0,w)] && !sent[KW(1,w)])
#if MUT == 12
#define HOP(w) e                                                        /* the second hop keeps the epoch of the first */
#else
#define HOP(w) epoch[w]
#endif
#define READABLE(s,d) (!(down[d] & BIT(s)) && nempty(c[CH(s,d)]))
#define DOWNS(s) ((down[0] | down[1] | down[2] | down[3] | down[4]) & BIT(s))

/* while the channel is down packets are kept in order, or lost and counted when that is full; the rest is said again on reopening */
inline send(s, d, kind, a, e1) {
  if
  :: down[d] & BIT(s) -> if :: kind == DATA -> c[CH(s,d)]!kind,a,e1 :: kind == DATA -> lost++ :: kind != DATA fi
  :: else -> c[CH(s,d)]!kind,a,e1
  fi
}

/* worker w processes packet x at key k, then sends it on by its own present table */
inline process(w, k, x) {
  assert(isActive[KW(k,w)]);                                /* I1 */
  assert(st[KW(k,w)] == total[k]);                     /* on the newest state */
  assert((x & 7) > seen[k*2 + (x >> 3)]);              /* I3 */
  seen[k*2 + (x >> 3)] = x & 7;
  total[k]++; st[KW(k,w)]++;
  if
  :: (x >> 3) == 0 && k == 0 -> o = OWNER(1, HOP(w))
  :: (x >> 3) == 0 && k == 1 -> o = 4
  :: (x >> 3) == 1 && k == 1 -> o = OWNER(0, HOP(w))
  :: (x >> 3) == 1 && k == 0 -> o = 3
  fi;
  send(w, o, DATA, x, HOP(w))
}

inline arrived(w, s) {
  if :: e > epoch[w] -> assert(e == epoch[w] + 1); epoch[w] = e; closed[w] = false :: else fi;     /* I4 */
  if :: mark[CH(s,w)] > 0 -> mark[CH(s,w)]-- :: else fi;
  if
  :: t == DATA ->
     k = ((x >> 3) == 0 -> (s < W) : (s >= W));
     assert(OWNER(k, e) == w);
     if
     :: isActive[KW(k,w)] -> process(w, k, x)
     :: else ->
        assert(e == epoch[w]);                            /* never a packet under e after its class has gone */
#if MUT == 9
        isActive[KW(k,w)] = true; process(w, k, x)          /* does not hold */
#else
        held[KW(k,w)]!x
#endif
     fi
  :: t == ACTIVATE ->
     k = x & 1;
     assert(OWNER(k, e) == w);
     if
     :: e < epoch[w] || activatedAt[KW(k,w)] == e -> skip         /* again, after a crash of the source */
     :: else ->
        activatedAt[KW(k,w)] = e; isActive[KW(k,w)] = true; st[KW(k,w)] = x >> 1;
#ifdef NONE
        total[k] = st[KW(k,w)];                        /* empty, or the copy that the source kept: older than what was lost */
#endif
        do
        :: nempty(held[KW(k,w)]) -> held[KW(k,w)]?x; process(w, k, x)
        :: empty(held[KW(k,w)]) -> break
        od
     fi;
     send(w, s, TAKEN, k, e)
  :: t == TAKEN -> if :: e == epoch[w] -> sent[KW(x,w)] = false :: else fi
  fi;
  t = 0; x = 0; e = 0; k = 0; o = 0
}

inline close(w) {
  closed[w] = true;
  do
  :: k < M -> mark[CH(w,k)] = len(c[CH(w,k)]); k++
  :: else -> break
  od;
  k = 0
}

inline handOver(w, k1) {
  isActive[KW(k1,w)] = false;
#if MUT != 13
  sent[KW(k1,w)] = true;
#endif
  o = OWNER(k1, epoch[w]);
  send(w, o, ACTIVATE, k1 + 2*st[KW(k1,w)], epoch[w]); o = 0
}

/* what a new or reopened channel s -> d says first: the classes of this change that s has for d, and those that s took from d.
   Without a replica d may have lost what it took: then the class is announced as lost. */
inline again(s, d, k1) {
#if MUT != 6
  if
  :: sent[KW(k1,s)] && OWNER(k1, epoch[s]) == d -> c[CH(s,d)]!ACTIVATE,k1 + 2*st[KW(k1,s)],epoch[s]
#ifdef NONE
  :: epoch[s] > 0 && !sent[KW(k1,s)] && !isActive[KW(k1,s)] && OWNER(k1, epoch[s]) == d && OWNER(k1, epoch[s]-1) == s -> c[CH(s,d)]!ACTIVATE,k1,epoch[s]
#endif
  :: else
  fi;
#if MUT != 14
  if
  :: epoch[s] > 0 && activatedAt[KW(k1,s)] == epoch[s] && OWNER(k1, epoch[s]-1) == d -> c[CH(s,d)]!TAKEN,k1,epoch[s]
  :: else
  fi
#endif
#else
  skip
#endif
}

inline reopen(s) {
  if
  :: (down[0] & BIT(s)) -> o = 0
  :: (down[1] & BIT(s)) -> o = 1
  :: (down[2] & BIT(s)) -> o = 2
  :: (down[3] & BIT(s)) -> o = 3
  :: (down[4] & BIT(s)) -> o = 4
  fi;
  down[o] = down[o] & ~BIT(s);
  if :: s < W && o < W -> again(s, o, 0); again(s, o, 1) :: else fi;
  o = 0
}

proctype Worker(byte w) {
  mtype t; byte x, e, k, o;
#if MUT == 8
  byte from;
#endif
  do
#if MUT == 8
  :: atomic { late[w]?t,x,e,from -> arrived(w, from) }
#endif
  :: atomic { READABLE(0,w) -> c[CH(0,w)]?t,x,e -> arrived(w, 0) }
  :: atomic { READABLE(1,w) -> c[CH(1,w)]?t,x,e -> arrived(w, 1) }
  :: atomic { READABLE(2,w) -> c[CH(2,w)]?t,x,e -> arrived(w, 2) }
  :: atomic { READABLE(3,w) -> c[CH(3,w)]?t,x,e -> arrived(w, 3) }
  :: atomic { READABLE(4,w) -> c[CH(4,w)]?t,x,e -> arrived(w, 4) }
  :: atomic { committed > epoch[w] -> epoch[w]++; closed[w] = false }
  :: atomic { MAY_CLOSE(w) -> close(w) }
  :: atomic { MAY_HAND_OVER(w,0) -> handOver(w, 0) }
  :: atomic { MAY_HAND_OVER(w,1) -> handOver(w, 1) }
  :: atomic { DONE(w) -> done[w] = epoch[w] }
  :: atomic { DOWNS(w) -> reopen(w) }
  :: over -> break
  od
}

inline delivered(n, s) {
  if :: e > epoch[n] -> assert(e == epoch[n] + 1); epoch[n] = e :: else fi;
  if :: mark[CH(s,n)] > 0 -> mark[CH(s,n)]-- :: else fi;
  assert(t == DATA && (x & 7) > got[x >> 3]);          /* I3, no duplicate */
  got[x >> 3] = x & 7; ngot++;
  t = 0; x = 0; e = 0
}

proctype Io(byte n) {             /* n = 3, 4 */
  mtype t; byte x, e, o;
#if MUT == 8
  byte from;
#endif
  do
#if MUT == 8
  :: atomic { late[n]?t,x,e,from -> delivered(n, from) }
#endif
  :: atomic { nxt[n-W] < (n == 3 -> P : Q) -> nxt[n-W]++; o = OWNER(n-W, epoch[n]);
              send(n, o, DATA, ((n-W)*8 + nxt[n-W]), epoch[n]); o = 0 }
  :: atomic { committed > epoch[n] -> epoch[n]++ }
  :: atomic { READABLE(0,n) -> c[CH(0,n)]?t,x,e -> delivered(n, 0) }
  :: atomic { READABLE(1,n) -> c[CH(1,n)]?t,x,e -> delivered(n, 1) }
  :: atomic { READABLE(2,n) -> c[CH(2,n)]?t,x,e -> delivered(n, 2) }
  :: atomic { DOWNS(n) -> reopen(n) }
  :: over -> break
  od
}

/* the next change is decided when every worker is done with the last, whenever it was asked for */
proctype Coordinator() {
  do
#if MUT == 4
  :: atomic { committed < LAST -> committed++ }
#else
  :: atomic { committed < LAST && done[0] == committed && done[1] == committed && done[2] == committed -> committed++ }
#endif
  :: over -> break
  od
}

#if CRASHES > 0
inline drain(q) { do :: nempty(q) -> q?t,x,e; if :: t == DATA -> lost++ :: else fi :: empty(q) -> break od }

inline crash(v) {
  down[v] = (v < W -> 31 & ~BIT(v) : 7);
  i = 0;
  do                                                   /* inboxes die with the process */
  :: i < M -> drain(c[CH(i,v)]); mark[CH(i,v)] = 0; mark[CH(v,i)] = 0; i++
  :: else -> break
  od;
#if MUT == 5
  if :: epoch[v] > 0 -> epoch[v]-- :: else fi;               /* takes over with an epoch older than the one decided */
#else
  epoch[v] = committed;
#endif
#if MUT == 11
  if :: v >= W -> mute = v :: else fi;                 /* nobody speaks for a dead IO module */
#endif
  if
  :: v < W ->
     closed[v] = false; k = 0;
     do
     :: k < 2 ->
        do :: nempty(held[KW(k,v)]) -> held[KW(k,v)]?x; lost++ :: empty(held[KW(k,v)]) -> break od;
#ifdef NONE
        /* empty: has what the table gave it before the change in progress, or after it when it was done */
        if :: isActive[KW(k,v)] -> total[k] = 0 :: else fi;
        st[KW(k,v)] = 0; activatedAt[KW(k,v)] = 0; sent[KW(k,v)] = false;
        isActive[KW(k,v)] = (epoch[v] == 0 || done[v] == epoch[v] -> OWNER(k, epoch[v]) == v : OWNER(k, epoch[v]-1) == v);
#endif
        k++
     :: else -> break
     od;
#if MUT == 7
     if :: st[KW(0,v)] > 0 -> st[KW(0,v)]-- :: else fi;   /* released a packet before the replica had its state */
#endif
  :: else
  fi;
  i = 0;
  do
  :: i < M && (i == v || (v >= W && i >= W)) -> i++
  :: i < M && !(i == v || (v >= W && i >= W)) ->
#if MUT == 8
     do :: nempty(c[CH(v,i)]) -> c[CH(v,i)]?t,x,e; late[i]!t,x,e,v :: empty(c[CH(v,i)]) -> break od;
#else
     n = len(c[CH(v,i)]); keep = true; k = 0;
     do
     :: k < n ->
        c[CH(v,i)]?t,x,e;
        if :: keep :: keep -> keep = false :: !keep fi;
        if :: keep -> c[CH(v,i)]!t,x,e
           :: else -> if :: t == DATA -> lost++ :: else fi
        fi;
        k++
     :: else -> break
     od;
#endif
     if :: v < W && i < W -> again(v, i, 0); again(v, i, 1) :: else fi;
     i++
  :: else -> break
  od;
  i = 0; n = 0; k = 0; x = 0; e = 0; t = 0; keep = false
}

proctype Chaos() {
  mtype t; byte x, e, i, k, n, v; bool keep;
  do
  :: atomic { crashes < CRASHES && !over -> crashes++;
       if :: v = 0 :: v = 1 :: v = 2 :: v = 3 :: v = 4 fi;
       crash(v); v = 0 }
  :: over -> break
  od
}
#endif

init {
  atomic {
    /* owners of keys 0 and 1 under epochs 0, 1, 2 */
#if TABLES == 1                                        /* both to one worker, then apart again */
    own[0] = 0; own[1] = 2; own[2] = 1;
    own[3] = 1; own[4] = 2; own[5] = 0;
#else                                                  /* both move at once, then one moves back and one stays */
    own[0] = 0; own[1] = 1; own[2] = 0;
    own[3] = 1; own[4] = 2; own[5] = 2;
#endif
    isActive[KW(0,0)] = true; isActive[KW(1,1)] = true;
    run Worker(0); run Worker(1); run Worker(2); run Io(3); run Io(4); run Coordinator();
#if CRASHES > 0
    run Chaos()
#endif
  }
}
