//! What may be asked of the server. Runs, layers, columns and samples are numbers in every address.

use super::answer::{Made, Room, binary, json, permits, png};
use super::assets::ASSETS;
use super::clustering::{Wanted, find};
use super::refusal::Refusal;
use super::run::Run;
use super::selection::Selection;
use super::{channels, export, guard, tell};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, middleware};
use serde::Deserialize;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests that are worked on at once; others wait. With what a layer takes it bounds the memory.
const AT_ONCE: usize = 4;
/// Columns of features that are told of a selection, unless the page asks for fewer.
const CHANNELS: usize = 64;
/// Neighbors that are told of a sample at most.
const NEIGHBORS: usize = 64;

/// What all requests share.
pub(super) struct Shared {
    runs: Vec<Run>,
    turns: Arc<Semaphore>,
    room: Room,
    /// Tables are as large as the data, and count apart: whoever takes one slowly keeps nobody from looking at the page.
    table: Arc<Semaphore>,
}

type Ask = State<Arc<Shared>>;
type Answer = Result<Response, Refusal>;

/// The server's addresses, behind its guard.
pub(super) fn router(runs: Vec<Run>, guard: guard::Guard, room: Room) -> Router {
    let largest = runs.iter().map(Run::samples).max().unwrap_or(0);
    let of = |permits| Arc::new(Semaphore::new(permits));
    let shared = Arc::new(Shared { runs, turns: of(AT_ONCE), room, table: of(1) });
    let mut router = Router::new()
        .route("/api/runs", get(runs_list))
        .route("/api/runs/{run}", get(run))
        .route("/api/runs/{run}/columns/{column}", get(column))
        .route("/api/runs/{run}/samples/{sample}", get(sample))
        .route("/api/runs/{run}/search", get(search))
        .route("/api/runs/{run}/ood", get(evaluations))
        .route("/api/runs/{run}/pictures/{sample}", get(picture))
        .route("/api/runs/{run}/average", post(average))
        .route("/api/runs/{run}/layers/{layer}", get(layer))
        .route("/api/runs/{run}/layers/{layer}/projections/{projection}", get(projection))
        .route("/api/runs/{run}/layers/{layer}/clustering", get(clustering))
        .route("/api/runs/{run}/layers/{layer}/noise", get(noise))
        .route("/api/runs/{run}/layers/{layer}/features/{column}", get(feature))
        .route("/api/runs/{run}/layers/{layer}/channels", post(contrasts))
        .route("/api/runs/{run}/layers/{layer}/neighbors/{sample}", get(neighbors))
        .route("/api/runs/{run}/layers/{layer}/export", post(table))
        .with_state(shared);
    for (address, media, text) in ASSETS {
        router = router.route(address, get(move || async move { ([(header::CONTENT_TYPE, media)], text) }));
    }
    router
        .fallback(|| async { Refusal::missing("page") })
        .layer(DefaultBodyLimit::max(largest.div_ceil(8) + 1))
        .layer(middleware::from_fn_with_state(Arc::new(guard), guard::check))
}

/// Makes an answer of a run, and sends it.
async fn answer(
    shared: Arc<Shared>,
    run: usize,
    make: impl FnOnce(&Run) -> Result<Made, Refusal> + Send + 'static,
) -> Answer {
    // The turn ends with this: an answer that waits for room takes memory, too.
    let (made, _turn) = work(Arc::clone(&shared), run, make).await?;
    send(&shared, made).await
}

/// Sends an answer when there is room for it.
async fn send(shared: &Shared, made: Made) -> Answer {
    let room = shared.room.take(made.bytes.len()).await?;
    Ok(made.sent(room))
}

/// Does work of a run on a thread of its own, when it is its turn; the turn lasts until it is dropped.
async fn work(
    shared: Arc<Shared>,
    run: usize,
    make: impl FnOnce(&Run) -> Result<Made, Refusal> + Send + 'static,
) -> Result<(Made, OwnedSemaphorePermit), Refusal> {
    let turn = permits(&shared.turns, 1).await?;
    let done = tokio::task::spawn_blocking(move || {
        let mut made = make(shared.runs.get(run).ok_or_else(|| Refusal::missing("run"))?)?;
        made.bytes.shrink_to_fit();
        // Held by the work itself: one whose page has gone away still counts until it is done.
        Ok((made, turn))
    });
    done.await
        .unwrap_or_else(|_| Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "a bug in napscope: please report it")))
}

async fn runs_list(State(shared): Ask) -> Answer {
    let told = |run: &Run| serde_json::json!({ "name": run.name, "samples": run.samples(), "layers": run.report.layers.len() });
    let list: Vec<_> = shared.runs.iter().map(told).collect();
    send(&shared, json(&list)?).await
}

async fn run(State(shared): Ask, Path(run): Path<usize>) -> Answer {
    answer(shared, run, |run| json(&tell::run(run))).await
}

async fn column(State(shared): Ask, Path((run, column)): Path<(usize, usize)>) -> Answer {
    answer(shared, run, move |run| Ok(binary(tell::column(run, column)?))).await
}

async fn sample(State(shared): Ask, Path((run, sample)): Path<(usize, usize)>) -> Answer {
    answer(shared, run, move |run| json(&tell::sample(run, sample)?)).await
}

#[derive(Deserialize)]
struct Searched {
    q: String,
}

async fn search(State(shared): Ask, Path(run): Path<usize>, Query(Searched { q }): Query<Searched>) -> Answer {
    if q.len() > 200 {
        return Err(Refusal::bad("a search takes at most 200 bytes"));
    }
    answer(shared, run, move |run| json(&tell::search(run, &q))).await
}

async fn evaluations(State(shared): Ask, Path(run): Path<usize>) -> Answer {
    answer(shared, run, |run| json(&tell::evaluations(run)?)).await
}

async fn picture(State(shared): Ask, Path((run, sample)): Path<(usize, usize)>) -> Answer {
    let find = move |run: &Run| run.pictures.as_ref().and_then(|pictures| pictures.png(sample));
    answer(shared, run, move |run| Ok(png(find(run).ok_or_else(|| Refusal::missing("picture"))?))).await
}

async fn average(State(shared): Ask, Path(run): Path<usize>, bits: Bytes) -> Answer {
    answer(shared, run, move |run| Ok(png(export::average(run, &Selection::new(&bits, run.samples())?)?))).await
}

async fn layer(State(shared): Ask, Path((run, layer)): Path<(usize, usize)>) -> Answer {
    answer(shared, run, move |run| json(&tell::layer(&*run.layer(layer)?))).await
}

async fn projection(State(shared): Ask, Path((run, layer, at)): Path<(usize, usize, usize)>) -> Answer {
    answer(shared, run, move |run| Ok(binary(tell::projection(&*run.layer(layer)?, at)?))).await
}

async fn feature(State(shared): Ask, Path((run, layer, column)): Path<(usize, usize, usize)>) -> Answer {
    answer(shared, run, move |run| Ok(binary(tell::feature(run, layer, column)?))).await
}

async fn clustering(State(shared): Ask, Path((run, at)): Path<(usize, usize)>, Query(wanted): Query<Wanted>) -> Answer {
    answer(shared, run, move |run| Ok(binary(clustering_block(run, at, &wanted)?))).await
}

async fn noise(State(shared): Ask, Path((run, at)): Path<(usize, usize)>, Query(wanted): Query<Wanted>) -> Answer {
    answer(shared, run, move |run| json(&tell::noise(run, at, &wanted)?)).await
}

/// The patterns of a layer for the page, see [`super::clustering`].
pub(super) fn clustering_block(run: &Run, at: usize, wanted: &Wanted) -> Result<Vec<u8>, Refusal> {
    let layer = run.layer(at)?;
    let found = find(&layer, run.recipe()?, wanted)?;
    Ok(found.encode(&found.command(run, at)?)?)
}

#[derive(Deserialize)]
struct Most {
    most: Option<usize>,
}

async fn contrasts(
    State(shared): Ask,
    Path((run, at)): Path<(usize, usize)>,
    Query(Most { most }): Query<Most>,
    bits: Bytes,
) -> Answer {
    let make = move |run: &Run| {
        let selection = Selection::new(&bits, run.samples())?;
        let embedded = run.embedded(at)?;
        json(&channels::contrasts(&embedded.features, &selection, most.unwrap_or(CHANNELS).min(CHANNELS)))
    };
    answer(shared, run, make).await
}

#[derive(Deserialize)]
struct Near {
    k: Option<usize>,
    min_cluster_size: Option<usize>,
    epsilon: Option<f64>,
    selection: Option<String>,
}

async fn neighbors(
    State(shared): Ask,
    Path((run, at, sample)): Path<(usize, usize, usize)>,
    Query(Near { k, min_cluster_size, epsilon, selection }): Query<Near>,
) -> Answer {
    let wanted = Wanted { min_cluster_size, epsilon, selection };
    let k = k.unwrap_or(12).min(NEIGHBORS);
    answer(shared, run, move |run| json(&tell::neighbors(run, at, sample, k, &wanted)?)).await
}

#[derive(Deserialize)]
struct Taken {
    format: String,
    min_cluster_size: Option<usize>,
    epsilon: Option<f64>,
    selection: Option<String>,
}

async fn table(
    State(shared): Ask,
    Path((run, at)): Path<(usize, usize)>,
    Query(Taken { format, min_cluster_size, epsilon, selection }): Query<Taken>,
    bits: Bytes,
) -> Answer {
    let wanted = Wanted { min_cluster_size, epsilon, selection };
    let room = permits(&shared.table, 1).await?;
    let make = move |run: &Run| {
        let (media, bytes) = export::table(run, at, &Selection::new(&bits, run.samples())?, &wanted, &format)?;
        Ok(Made { media, bytes })
    };
    let (made, _turn) = work(shared, run, make).await?;
    Ok(made.sent(room))
}
