/* Two coordinators: the one of term 2 begins at any moment, the one of term 1 does not notice and goes on. (C2, C4)
 *
 * Members have table 1. Coordinator 1 prepares table 2, and commits it when all have prepared; or it gives up before that, and
 * prepares table 3 (a number is never used twice). Coordinator 2 asks all; when all have answered, it prepares the newest table
 * that anyone has prepared everywhere and commits it. Orders of a coordinator to a member are first in, first out; between
 * coordinators they overtake each other. A member obeys the highest term that it has met, and switches when it is told to, or
 * when it meets a message of a table that it has prepared (S1). Member 2 is a successor, in the place of a life that has ended:
 * its first order must be `begin`, else it would join like one that has no predecessor.
 * Checked: no two members ever switch to different tables; in the end all have switched to the same, or none has; no successor
 * joins, and in the end it has begun.
 */
#ifndef MUT
#define MUT 0
#endif
#define N 3
mtype = { BEGIN, PREPARE, COMMIT, ABORT, ASK };
chan o1[N] = [5] of { mtype, byte };          /* orders of coordinator 1, of coordinator 2 */
chan o2[N] = [5] of { mtype, byte };
byte term[N], prepared[N], switched[N];       /* 0: no table after the first */
bool begun[N];                                /* has a table */
byte answer[N];                               /* to coordinator 2: 1 + newest prepared, and 8 from who has none */
bool said1[N];                                /* coordinator 1 has heard `prepared` */
byte at1;                                     /* table that coordinator 1 prepares */
bool ended1, ended2;

inline obey(t1, kind, x) {
#if MUT == 1
  if :: true ->                               /* the term is not looked at */
#else
  if :: t1 >= term[i] ->
#endif
     term[i] = t1;
     if
     :: kind == BEGIN -> begun[i] = true
     :: kind == PREPARE -> assert(begun[i]); if :: x >= prepared[i] -> prepared[i] = x; if :: t1 == 1 && x == at1 -> said1[i] = true :: else fi :: else fi
     :: kind == COMMIT -> if :: x == prepared[i] -> switched[i] = x :: else fi
     :: kind == ABORT -> if :: x == prepared[i] && switched[i] != x -> prepared[i] = 0 :: else fi
     :: kind == ASK -> answer[i] = 1 + prepared[i] + (begun[i] -> 0 : 8)
     fi
  :: else
  fi;
  assert(switched[0] == 0 || switched[1] == 0 || switched[0] == switched[1]);
  assert(switched[0] == 0 || switched[2] == 0 || switched[0] == switched[2]);
  assert(switched[1] == 0 || switched[2] == 0 || switched[1] == switched[2])
}

proctype Member(byte i) {
  mtype kind; byte x;
end:
  do
  :: atomic { o1[i]?kind,x -> obey(1, kind, x); x = 0; kind = 0 }
  :: atomic { o2[i]?kind,x -> obey(2, kind, x); x = 0; kind = 0 }
  :: atomic { prepared[i] > switched[i] && (switched[0] == prepared[i] || switched[1] == prepared[i] || switched[2] == prepared[i]) -> switched[i] = prepared[i] }
  od
}

inline all1(kind, x) { o1[0]!kind,x; o1[1]!kind,x; o1[2]!kind,x }
inline all2(kind, x) { o2[0]!kind,x; o2[1]!kind,x; o2[2]!kind,x }

proctype Coordinator1() {
  o1[2]!BEGIN,1;
  atomic { at1 = 2; all1(PREPARE, 2) };
  do
  :: atomic { said1[0] && said1[1] && said1[2] -> all1(COMMIT, at1); break }
#if MUT == 2
  :: atomic { at1 == 2 && said1[0] && said1[1] && said1[2] -> o1[0]!COMMIT,2; at1 = 3; o1[1]!ABORT,2; o1[1]!PREPARE,3; o1[1]!COMMIT,3; break }   /* gives up after a commit */
#endif
  :: atomic { at1 == 2 -> all1(ABORT, 2); at1 = 3; said1[0] = false; said1[1] = false; said1[2] = false; all1(PREPARE, 3) }
  :: break                                                                    /* dies */
  od;
  ended1 = true
}

proctype Coordinator2() {
  byte newest, i;
  atomic { all2(ASK, 0) };
#if MUT == 3
  atomic { answer[0] > 0 -> newest = (answer[0] & 7) - 1 };                         /* does not wait for all */
#else
  atomic { answer[0] > 0 && answer[1] > 0 && answer[2] > 0 ->
    do
    :: i < N -> if :: (answer[i] & 7) - 1 > newest -> newest = (answer[i] & 7) - 1 :: else fi; i++
    :: else -> break
    od };
#endif
  atomic {
#if MUT != 4
    if :: answer[2] > 7 -> o2[2]!BEGIN,1 :: else fi;
#endif
    if
    :: newest > 0 -> all2(PREPARE, newest); all2(COMMIT, newest)
    :: else
    fi };
  ended2 = true
}

/* when nothing is on its way any more */
active proctype End() {
  atomic { timeout ->
    assert(!ended2 || switched[0] == switched[1]);
    assert(!ended2 || switched[1] == switched[2]);
    assert(!ended2 || begun[2]) }
}

init { atomic { begun[0] = true; begun[1] = true; run Member(0); run Member(1); run Member(2); run Coordinator1(); run Coordinator2() } }
