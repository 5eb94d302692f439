use std::collections::BTreeMap;

/// One line for each key with the number of its values, then the totals.
pub fn of(history: &[(String, String)]) -> String {
    let mut values: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, _) in history {
        *values.entry(key).or_default() += 1;
    }
    let mut report: String = values
        .iter()
        .map(|(key, count)| format!("{key}: {count}\n"))
        .collect();
    let (all, keys) = (history.len(), values.len());
    report += &format!("{all} values, {} superseded\n", all - keys);
    report
}
