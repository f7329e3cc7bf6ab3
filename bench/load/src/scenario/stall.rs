//! Readers at a fixed rate, without and with others that stop reading; then these read again and must
//! get everything, each message once and in order.

use super::{Books, drain, drive, long_enough, ns, put_loss};
use crate::cli::Config;
use crate::dialer::{await_live, establish};
use crate::engine::{Dial, Engine, Id, Sink};
use crate::ledger::{Ledger, Shape};
use crate::load::{Load, Pace};
use crate::meter::Meter;
use crate::payload::{Finder, PROBE};
use crate::proc::Server;
use crate::proto::Protocol;
use crate::report::Report;
use crate::sys::now_ns;

const SECOND: u64 = 1_000_000_000;

/// The books on the good readers, and what each stalled one is still to get of each publisher.
struct Watch {
    ledger: Ledger,
    good: u32,
    publishers: usize,
    next: Vec<u32>,
    finder: Finder,
    received: u64,
    missing: u64,
    again: u64,
    unmarked: u64,
    closed: u64,
    first_closed: Option<String>,
}

impl Watch {
    /// The stalled ones begin here: nothing is on its way.
    fn expect_from(&mut self, seqs: &[u32]) {
        for of_one in self.next.chunks_exact_mut(self.publishers) {
            of_one.copy_from_slice(seqs);
        }
    }

    /// Messages still due to the stalled ones, up to these sequence numbers.
    fn due(&self, seqs: &[u32]) -> u64 {
        let of_one = |next: &[u32]| next.iter().zip(seqs).map(|(n, s)| u64::from(s.saturating_sub(*n))).sum::<u64>();
        self.next.chunks_exact(self.publishers).map(of_one).sum()
    }
}

impl Sink for Watch {
    #[inline]
    fn delivery(&mut self, id: Id, now: u64, frame: &[u8]) {
        if id < self.good {
            return self.ledger.delivery(id, now, frame);
        }
        let mark = self.finder.find(frame).filter(|m| m.seq != PROBE && (m.publisher as usize) < self.publishers);
        let Some(mark) = mark else {
            self.unmarked += 1;
            return;
        };
        let next = &mut self.next[(id - self.good) as usize * self.publishers + mark.publisher as usize];
        if mark.seq < *next {
            self.again += 1;
            return;
        }
        self.received += 1;
        self.missing += u64::from(mark.seq - *next);
        *next = mark.seq + 1;
    }

    fn closed(&mut self, id: Id, ready: bool, why: &str) {
        if id < self.good {
            return self.ledger.closed(id, ready, why);
        }
        self.closed += 1;
        self.first_closed.get_or_insert_with(|| why.to_string());
    }

    fn error(&mut self, id: Id, text: &str) {
        self.ledger.error(id, text);
    }
}

impl Books for Watch {
    fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}

/// What is collected of all intervals of one kind.
#[derive(Default)]
struct Kind {
    rate: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    server_cpu: Vec<f64>,
}

struct Run<'c, P: Protocol> {
    cfg: &'c Config,
    started: u64,
    server: Server,
    eng: Engine<'c, P>,
    watch: Watch,
    load: Load,
    rate: f64,
    bottleneck: bool,
    misordered: u64,
    rss: Vec<f64>,
    /// Of each time that the stalled ones read again.
    behind_least: Vec<f64>,
    catch_up_s: Vec<f64>,
    catch_up_p99: Vec<f64>,
}

impl<P: Protocol> Run<'_, P> {
    /// A run is long: how far it is goes to standard error.
    fn tell(&self, what: &str) {
        let secs = (now_ns() - self.started) as f64 / 1e9;
        let rss = self.server.rss_fast_bytes() as f64 / 1e6;
        eprintln!("{secs:>6.1} s  {} sent, server {rss:.0} MB  {what}", self.load.sent);
    }

    /// As fast as the good readers take it, so that what waits is more than any buffer holds.
    fn fill(&mut self) -> Result<(), String> {
        let sent = self.load.sent;
        let messages = (self.cfg.fill / self.cfg.payload as f64).ceil() as u64;
        self.load.restart(Pace::Closed { window: self.cfg.window });
        while self.load.sent - sent < messages {
            if now_ns() > self.eng.deadline {
                return Err("--cap passed while filling".into());
            }
            drive(&mut self.eng, &mut self.load, &mut self.watch, now_ns() + SECOND / 50)?;
        }
        self.load.restart(Pace::Open { rate: 0.0 });
        drain(&mut self.eng, &self.load, &mut self.watch)
    }

    /// One interval at the fixed rate; nothing is on its way before and after it.
    fn interval(&mut self, kind: &mut Kind, secs: f64) -> Result<(), String> {
        let Self { cfg, server, eng, watch, load, .. } = self;
        load.restart(Pace::Open { rate: self.rate });
        drive(eng, load, watch, now_ns() + ns(cfg.warmup))?;
        let start = now_ns();
        let until = start + ns(secs);
        watch.ledger.measure(start..until);
        load.measure();
        let got = watch.ledger.got;
        let meter = Meter::start(eng, server);
        while now_ns() < until.min(eng.deadline) {
            drive(eng, load, watch, until.min(now_ns() + SECOND))?;
            self.rss.push(server.rss_fast_bytes() as f64 / 1e6);
        }
        let interval = meter.stop(eng, server);
        let received = watch.ledger.got - got;
        long_enough(&interval, secs)?;
        self.bottleneck |= interval.generator_bottleneck(server);
        drain(eng, load, watch)?;
        kind.rate.push(received as f64 / interval.secs);
        kind.p50.push(watch.ledger.latency.quantile(0.5) as f64 / 1e3);
        kind.p99.push(watch.ledger.latency.quantile(0.99) as f64 / 1e3);
        kind.server_cpu.push(interval.server_cpu / interval.secs);
        self.misordered += watch.ledger.out_of_order + watch.ledger.duplicates;
        Ok(())
    }

    fn stall(&mut self) -> Result<(), String> {
        let (good, all) = (self.cfg.clients, self.cfg.clients + self.cfg.slow);
        let rcvbuf = Some(self.cfg.slow_rcvbuf);
        self.watch.expect_from(self.load.next_seqs());
        establish(&mut self.eng, good..all, |e, id| Dial { rcvbuf, ..e.dial(id, true) })?;
        (good..all).for_each(|id| self.eng.pause(id, true));
        Ok(())
    }

    /// The stalled ones read again while the writers go on; ends when nothing is due to anybody.
    fn catch_up(&mut self) -> Result<(), String> {
        let (good, all) = (self.cfg.clients, self.cfg.clients + self.cfg.slow);
        let due: Vec<u32> = self.load.next_seqs().to_vec();
        let behind = self.watch.next.chunks_exact(self.watch.publishers);
        let least = behind.map(|n| due.iter().zip(n).map(|(s, n)| f64::from(s - n)).sum::<f64>());
        self.behind_least.push(least.fold(f64::INFINITY, f64::min));
        (good..all).for_each(|id| self.eng.pause(id, false));
        let start = now_ns();
        self.watch.ledger.measure(start..u64::MAX);
        self.load.restart(Pace::Open { rate: self.rate });
        while self.watch.due(&due) > 0 && self.watch.closed == 0 {
            if now_ns() > self.eng.deadline {
                return Err("--cap passed while the stalled ones caught up".into());
            }
            drive(&mut self.eng, &mut self.load, &mut self.watch, now_ns() + SECOND / 50)?;
        }
        self.catch_up_s.push((now_ns() - start) as f64 / 1e9);
        self.catch_up_p99.push(self.watch.ledger.latency.quantile(0.99) as f64 / 1e3);
        drain(&mut self.eng, &self.load, &mut self.watch)?;
        let limit = now_ns() + ns(self.cfg.drain);
        while self.watch.due(self.load.next_seqs()) > 0 && now_ns() < limit {
            self.eng.poll(20_000_000, &mut self.watch)?;
        }
        self.watch.missing += self.watch.due(self.load.next_seqs());
        (good..all).for_each(|id| self.eng.close_if_open(id, false));
        Ok(())
    }
}

pub fn run<P: Protocol>(cfg: &Config, r: &mut Report) -> Result<(), String> {
    let cfg = &Config { rooms: 1, ..cfg.clone() };
    let rate = cfg.rate.filter(|rate| *rate > 0.0).ok_or("stall needs --rate")?;
    let publishers = cfg.publishers.unwrap_or(1).min(cfg.clients);
    let mut eng = Engine::<P>::new(cfg)?;
    establish(&mut eng, 0..cfg.clients, |e, id| e.dial(id, true))?;
    await_live(&mut eng, cfg.clients)?;
    let every = cfg.sample.unwrap_or(1);
    let shape = Shape { rooms: 1, receivers: cfg.clients, publishers, every, closed_loop: true };
    let watch = Watch {
        ledger: Ledger::new(shape)?,
        good: cfg.clients,
        publishers: publishers as usize,
        next: vec![0; (cfg.slow * publishers) as usize],
        finder: Finder::new(),
        received: 0,
        missing: 0,
        again: 0,
        unmarked: 0,
        closed: 0,
        first_closed: None,
    };
    let mut run = Run {
        cfg,
        started: now_ns(),
        server: Server::new(&cfg.server_pids)?,
        eng,
        watch,
        load: Load::new(Pace::Open { rate: 0.0 }, 1, cfg.clients, publishers, cfg.payload),
        rate,
        bottleneck: false,
        misordered: 0,
        rss: vec![],
        behind_least: vec![],
        catch_up_s: vec![],
        catch_up_p99: vec![],
    };
    let (mut base, mut with) = (Kind::default(), Kind::default());
    run.fill()?;
    run.tell("filled");
    for pair in 0..cfg.pairs {
        // Each is first in turn: what the server or the disk went through before hits both alike.
        for stalled in [pair % 2 == 1, pair % 2 == 0] {
            if stalled {
                run.stall()?;
            }
            run.fill()?;
            run.interval(if stalled { &mut with } else { &mut base }, cfg.duration)?;
            run.tell(if stalled { "with stalled clients" } else { "without" });
            if stalled {
                run.catch_up()?;
                run.tell("caught up");
            }
        }
    }
    let mut hold = Kind::default();
    run.rss.clear();
    if cfg.hold > 0.0 {
        run.stall()?;
        run.fill()?;
        run.rss.clear();
        run.interval(&mut hold, cfg.hold)?;
    }
    let rss = std::mem::take(&mut run.rss);
    if cfg.hold > 0.0 {
        run.catch_up()?;
    }
    r.put("slow_clients", cfg.slow);
    r.put("payload", cfg.payload as u64);
    r.put("rate", rate);
    r.put("pairs", cfg.pairs);
    for (name, kind) in [("base", &base), ("stalled", &with), ("hold", &hold)] {
        r.put(format!("{name}_deliveries_per_s"), kind.rate.as_slice());
        r.put(format!("{name}_p50_us"), kind.p50.as_slice());
        r.put(format!("{name}_p99_us"), kind.p99.as_slice());
        r.put(format!("{name}_server_cpu_share"), kind.server_cpu.as_slice());
    }
    r.put("hold_rss_mb", rss.as_slice());
    put_loss(r, run.load.expected, run.watch.ledger.got);
    r.put("misordered", run.misordered);
    r.put("behind_least", run.behind_least.as_slice());
    r.put("catch_up_s", run.catch_up_s.as_slice());
    r.put("catch_up_p99_us", run.catch_up_p99.as_slice());
    r.put("caught_up", run.watch.received);
    r.put("caught_up_missing", run.watch.missing);
    r.put("caught_up_again", run.watch.again);
    r.put("caught_up_unmarked", run.watch.unmarked);
    r.put("slow_closed_by_server", run.watch.closed);
    if let Some(why) = &run.watch.first_closed {
        r.put("slow_first_closed", why.as_str());
    }
    r.put("generator_bottleneck", run.bottleneck);
    run.watch.ledger.faults.report(r);
    Ok(())
}
