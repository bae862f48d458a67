/** `@headwater/client/testing`: Headwater without a broker, for a service's own tests. */
export {
  type FakeConnectOptions,
  type FakeHeadwater,
  type FakeOptions,
  fakeHeadwater,
} from './fake-headwater.ts';
