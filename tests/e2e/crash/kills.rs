//! `render` killed at 1,000 random moments over a tree of 100 stacks.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use oci_scratch::Digest;

use super::fleet::{Fleet, Legal, VARIANTS, assert_same};
use super::tree::{Files, Foreign, all_files, files, is_provenance, is_temporary};

const STACKS: usize = 100;
const KILLS: usize = 1000;
/// The number of workers, each with a tree and a share of the kills.
const WORKERS: usize = 2;
/// Every `WHOLE` kills, all stacks are rendered; otherwise some, which is faster.
const WHOLE: usize = 100;

/// The moments of the kills, judged by the files that they left.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    /// Kills before the first write.
    before: usize,
    /// Kills between the first and the last write.
    within: usize,
    /// Kills after the last write.
    after: usize,
    /// Kills that left a temporary file.
    temporaries: usize,
    /// Kills of a run over all stacks.
    whole: usize,
}

#[test]
#[ignore = "tests/e2e/run"]
fn killed_at_a_thousand_random_moments() {
    let given = std::env::var("CRASH_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let seed: u64 = given.unwrap_or_else(now);
    println!("CRASH_SEED={seed}");

    let tallies: Vec<Tally> = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS as u64)
            .map(|worker| {
                scope.spawn(move || Worker::new(seed ^ (worker << 32)).run(KILLS / WORKERS))
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let sum = |part: fn(&Tally) -> usize| tallies.iter().map(part).sum::<usize>();
    let [before, within, after] = [sum(|t| t.before), sum(|t| t.within), sum(|t| t.after)];
    println!(
        "kills: {before} before anything was written, {within} within, {after} after; {} left a \
         temporary file; {} over all stacks",
        sum(|t| t.temporaries),
        sum(|t| t.whole)
    );
    assert_eq!(before + within + after, KILLS);
    // Otherwise the test shows nothing.
    assert!(within >= KILLS / 4, "only {within} kills fell while files were written");
    assert!(before >= KILLS / 100 && after >= KILLS / 100, "{before} before, {after} after");
    assert!(sum(|t| t.temporaries) > 0, "no kill fell while a file was written");
}

/// One tree, and its expected contents.
struct Worker {
    random: Random,
    fleet: Fleet,
    foreign: Foreign,
    /// A fresh tree of each variant.
    fresh: Vec<Files>,
    legal: Legal,
    /// The hash of every legal file.
    hashes: HashMap<Vec<u8>, String>,
    /// The variant that each stack's values have.
    at: Vec<usize>,
    pace: Pace,
}

/// The duration of a run for each stack, measured from runs that were not killed.
#[derive(Clone, Copy)]
struct Pace {
    all: Duration,
    writing: Duration,
}

/// The end of one run.
struct Watched {
    was_killed: bool,
    all: Duration,
    writing: Option<Duration>,
}

/// The moment at which a run is killed.
#[derive(Clone, Copy)]
enum Moment {
    Never,
    SinceStart(Duration),
    SinceFirstWrite(Duration),
}

impl Worker {
    fn new(seed: u64) -> Self {
        let fleet = Fleet::new(STACKS);
        let mut fresh = Vec::new();
        for variant in 0..VARIANTS.len() {
            (0..STACKS).for_each(|stack| fleet.set(stack, variant));
            fresh.push(fleet.fresh());
        }
        let mut random = Random(seed);
        let at = vec![VARIANTS.len() - 1; STACKS];
        fleet.ok(&["render", "--quiet"]);
        let with_foreign: BTreeSet<&String> =
            (0..8).map(|_| &fleet.stacks()[random.below(STACKS)]).collect();
        let foreign = Foreign::plant(&fleet.tree(), &with_foreign);
        let contents = fresh.iter().flat_map(Files::values);
        let hashes =
            contents.map(|bytes| (bytes.clone(), Digest::of(bytes).hex().to_owned())).collect();
        let legal = Legal::of(&fresh);
        let pace = Pace { all: Duration::from_millis(10), writing: Duration::from_millis(1) };
        Worker { random, fleet, foreign, fresh, legal, hashes, at, pace }
    }

    fn run(mut self, kills: usize) -> Tally {
        let mut tally = Tally::default();
        self.step(None, false, &mut tally);
        for kill in 1..=kills {
            let is_whole = kill % WHOLE == 0;
            let stacks = (!is_whole).then(|| self.some_stacks());
            let is_finished = is_whole || self.random.below(2) == 0;
            self.step(stacks, true, &mut tally);
            tally.whole += usize::from(is_whole);
            if is_finished {
                let stacks = (!is_whole).then(|| self.some_stacks());
                self.step(stacks, false, &mut tally);
            }
        }
        self.step(None, false, &mut tally);
        // Without foreign files, the tree equals a fresh render, and `--check` finds nothing.
        self.foreign.remove();
        self.fleet.assert_right();
        tally
    }

    /// Changes the values of some stacks (none: all), renders them, kills the run or lets it end, and checks the
    /// files.
    fn step(&mut self, stacks: Option<BTreeSet<usize>>, is_killed: bool, tally: &mut Tally) {
        let is_whole = stacks.is_none();
        let stacks = stacks.unwrap_or_else(|| (0..STACKS).collect());
        for &stack in &stacks {
            self.at[stack] =
                (self.at[stack] + 1 + self.random.below(VARIANTS.len() - 1)) % VARIANTS.len();
            self.fleet.set(stack, self.at[stack]);
        }
        let names: Vec<String> = stacks.iter().map(|&at| self.fleet.stacks()[at].clone()).collect();
        let folders = || names.iter().map(String::as_str);
        let tree = self.fleet.tree();
        let before = files(&tree, folders());

        let named: Vec<&str> = if is_whole { Vec::new() } else { folders().collect() };
        let moment = if is_killed { self.moment(stacks.len()) } else { Moment::Never };
        let watched =
            self.watch(&[&["render", "--quiet"], named.as_slice()].concat(), &names[0], moment);

        let after = files(&tree, folders());
        let planned = self.planned(&stacks);
        self.foreign.assert_untouched();
        self.assert_old_or_new(&before, &after, &planned);
        self.assert_known(&names, &after);
        if is_killed {
            tally.temporaries += usize::from(after.keys().any(|path| is_temporary(path)));
            let own: Files =
                after.into_iter().filter(|(path, _)| !self.foreign.contains(path)).collect();
            let untouched = before.iter().filter(|(path, _)| !self.foreign.contains(path)).eq(&own);
            match (own == planned, untouched) {
                (true, _) => tally.after += 1,
                (false, true) => tally.before += 1,
                (false, false) => tally.within += 1,
            }
        }
        if watched.was_killed {
            return;
        }
        // The run ended by itself, so all files are right, whatever earlier runs left.
        let found = match is_whole {
            true => all_files(&tree),
            false => files(&tree, folders()),
        };
        let own = found.into_iter().filter(|(path, _)| !self.foreign.contains(path)).collect();
        let expected = if is_whole { self.fresh_now() } else { planned };
        assert_same(&own, &expected);
        if is_whole {
            self.learn(STACKS, &watched);
            self.assert_check();
        }
    }

    /// The files of a fresh render in the folders of these stacks.
    fn planned(&self, stacks: &BTreeSet<usize>) -> Files {
        let own = |&stack: &usize| {
            let name = &self.fleet.stacks()[stack];
            let all = self.fresh[self.at[stack]].iter();
            all.filter(move |(path, _)| path.starts_with(name)).map(|(p, b)| (p.clone(), b.clone()))
        };
        stacks.iter().flat_map(own).collect()
    }

    /// The files of a fresh render of all stacks: those that no variant changes, and each stack's folder.
    fn fresh_now(&self) -> Files {
        let mut all = self.planned(&(0..STACKS).collect());
        let is_shared =
            |path: &Path| !self.fleet.stacks().iter().any(|name| path.starts_with(name));
        let shared = self.fresh[0].iter().filter(|(path, _)| is_shared(path));
        all.extend(shared.map(|(path, bytes)| (path.clone(), bytes.clone())));
        all
    }

    /// Asserts that each file has its old or its new content, and that no file is missing.
    fn assert_old_or_new(&self, before: &Files, after: &Files, planned: &Files) {
        self.legal.assert_whole(after, |path| self.foreign.contains(path));
        let spared =
            |path: &Path| is_temporary(path) || is_provenance(path) || self.foreign.contains(path);
        for (path, bytes) in after.iter().filter(|(path, _)| !spared(path)) {
            let is_one = [before, planned].iter().any(|files| files.get(path) == Some(bytes));
            assert!(is_one, "{} is neither old nor new", path.display());
        }
        for path in before.keys().filter(|path| !is_temporary(path)) {
            let may_go = !planned.contains_key(path) && !self.foreign.contains(path);
            assert!(after.contains_key(path) || may_go, "{} is gone", path.display());
        }
    }

    /// Asserts that `.provenance` has the hash of every file that was written. Otherwise the next run would
    /// treat the file as foreign.
    fn assert_known(&self, folders: &[String], after: &Files) {
        for folder in folders {
            let record = &after[&PathBuf::from(folder).join(".provenance")];
            let record = std::str::from_utf8(record).unwrap();
            let lines: BTreeSet<&str> = record.lines().collect();
            let in_folder = |path: &Path| path.parent() == Some(Path::new(folder));
            for (path, bytes) in after.iter().filter(|(path, _)| in_folder(path)) {
                if is_temporary(path) || is_provenance(path) || self.foreign.contains(path) {
                    continue;
                }
                let name = path.file_name().unwrap().to_string_lossy();
                let line = format!("{}  {name}", self.hashes[bytes]);
                assert!(lines.contains(line.as_str()), "{folder}/.provenance has no {line}");
            }
        }
    }

    /// Asserts that `render --check` finds only the foreign files.
    fn assert_check(&self) {
        let output = self.fleet.run(&["render", "--check"]);
        assert_eq!(output.code, 1, "{}", output.stderr);
        let others: Vec<_> =
            output.stdout.lines().filter(|line| !line.ends_with(": foreign")).collect();
        assert!(others.is_empty() && !output.stdout.is_empty(), "{others:?}");
    }

    fn some_stacks(&mut self) -> BTreeSet<usize> {
        // More than fifteen folders are written in parallel.
        let count = [2, 5, 8, 17][self.random.below(4)];
        (0..count).map(|_| self.random.below(STACKS)).collect()
    }

    /// A random moment: sometimes of the whole run, mostly of the part in which files are written.
    fn moment(&mut self, stacks: usize) -> Moment {
        let count = stacks as u32;
        match self.random.below(8) {
            0 => Moment::SinceStart((self.pace.all * count).mul_f64(self.random.fraction())),
            _ => {
                let writing = self.pace.writing * count;
                Moment::SinceFirstWrite(writing.mul_f64(self.random.fraction()))
            }
        }
    }

    fn learn(&mut self, stacks: usize, watched: &Watched) {
        self.pace.all = watched.all.div_f64(stacks as f64);
        if let Some(writing) = watched.writing {
            self.pace.writing = writing.div_f64(stacks as f64);
        }
    }

    /// Runs a command and kills it at its moment. The first stack's folder shows the first write.
    fn watch(&self, args: &[&str], first: &str, moment: Moment) -> Watched {
        let folder = self.fleet.tree().join(first);
        let time = || fs::metadata(&folder).unwrap().modified().unwrap();
        let before = time();
        let mut command = self.fleet.command(args);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut run = Run(command.spawn().unwrap());
        let start = Instant::now();
        let mut first_write = None;
        loop {
            if first_write.is_none() && time() != before {
                first_write = Some(Instant::now());
            }
            let is_due = match (moment, first_write) {
                (Moment::SinceStart(wait), _) => start.elapsed() >= wait,
                (Moment::SinceFirstWrite(wait), Some(first)) => first.elapsed() >= wait,
                _ => false,
            };
            if is_due {
                run.0.kill().unwrap();
                let was_killed = run.0.wait().unwrap().code().is_none();
                return Watched { was_killed, all: start.elapsed(), writing: None };
            }
            if let Some(status) = run.0.try_wait().unwrap() {
                assert!(status.success(), "{args:?} failed by itself: {}", run.errors());
                let writing = first_write.map(|first| first.elapsed());
                return Watched { was_killed: false, all: start.elapsed(), writing };
            }
            thread::sleep(Duration::from_micros(100));
        }
    }
}

/// A child that does not outlive the test.
struct Run(Child);

impl Run {
    fn errors(&mut self) -> String {
        let mut text = String::new();
        let mut pipe = self.0.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut pipe, &mut text).unwrap();
        text
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A random number generator with a seed: SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>).
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number less than `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// A number from 0 to 1.
    pub fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}
