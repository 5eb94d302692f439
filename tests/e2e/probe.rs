//! Does what its arguments say, one after the other: the only program in the images of the tests.

use std::time::{Duration, SystemTime};
use std::{env, fs, io, process, thread};

fn main() {
    let mut args = env::args().skip(1);
    while let Some(verb) = args.next() {
        if verb == "args" {
            return args.for_each(|arg| println!("{arg:?}"));
        }
        if verb == "cat" {
            io::copy(&mut io::stdin(), &mut io::stdout()).unwrap();
            continue;
        }
        let operand = args
            .next()
            .expect("a word after each verb but `args` and `cat`");
        match verb.as_str() {
            "say" => println!("{operand}"),
            "env" => println!(
                "{operand}={}",
                env::var(&operand).unwrap_or("(unset)".into())
            ),
            "fd" => println!(
                "{}",
                fs::read_link(format!("/proc/self/fd/{operand}"))
                    .unwrap()
                    .display()
            ),
            "sleep" => thread::sleep(Duration::from_secs_f64(operand.parse().unwrap())),
            "stamp" => fs::write(&operand, format!("{:?}", now())).unwrap(),
            "exit" => process::exit(operand.parse().unwrap()),
            _ => panic!("there is no verb {verb:?}"),
        }
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
}
